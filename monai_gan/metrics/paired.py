"""What metrics on two streams of features have in common: update, merge, compute over processes, reset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from monai.metrics.metric import Metric
from torch import Tensor

if TYPE_CHECKING:
    from typing_extensions import Self


class FeatureStore(Protocol):
    """Where a stream of features is collected."""

    def update(self, features: Tensor) -> None:
        """Add features (n, F)."""

    def merge(self, other: Any) -> None:
        """Add what another store of the same kind has seen."""

    def gathered(self) -> Any:
        """What the stores of all processes have seen together."""


Store = TypeVar("Store", bound=FeatureStore)
Result = TypeVar("Result")


class PairedMetric(Metric, ABC, Generic[Store, Result]):
    """A figure of synthetic features beside real ones.

    Call it with two matrices, as MONAI's ``FIDMetric``; or feed it batch by batch with :meth:`update` and ask
    :meth:`compute` at the end, which sees the batches of all processes when ``torch.distributed`` is initialised.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    @abstractmethod
    def store(self, name: str) -> Store:
        """An empty store."""

    @abstractmethod
    def measure(self, y_pred: Store, y: Store) -> Result:
        """The figure of two filled stores."""

    def __call__(self, y_pred: Tensor, y: Tensor) -> Result:
        """The figure of two matrices, without a look at what :meth:`update` was given.

        Args:
            y_pred: features of synthetic images (n, F).
            y: features of real images (m, F).

        Raises:
            InputError: if the features cannot be compared.
        """
        stores = self.store("y_pred"), self.store("y")
        for store, features in zip(stores, (y_pred, y), strict=True):
            store.update(features)
        return self.measure(*stores)

    def update(self, y_pred: Tensor | None = None, y: Tensor | None = None) -> None:
        """Add features of synthetic images, of real images, or of both; (n, F) each."""
        if y_pred is not None:
            self._y_pred.update(y_pred)
        if y is not None:
            self._y.update(y)

    def merge(self, *others: Self) -> Self:
        """Add what other metrics have seen; they stay as they are."""
        for other in others:
            self._y_pred.merge(other._y_pred)
            self._y.merge(other._y)
        return self

    def compute(self) -> Result:
        """The figure of all that was added, in all processes, which must all call this; each gets the same.

        Raises:
            InputError: if the features cannot be compared, or there are too few.
        """
        return self.measure(self._y_pred.gathered(), self._y.gathered())

    def reset(self, *, keep_reference: bool = False) -> None:
        """Forget all features, or all but the real ones."""
        self._y_pred = self.store("y_pred")
        if not keep_reference:
            self._y = self.store("y")
