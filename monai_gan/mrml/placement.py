"""Put a result beside its input: same study, same transform, a name that says what it is."""

from __future__ import annotations

from typing import Any

from monai_gan.mrml.origin import SOURCE_ROLE


def place_beside(scene: Any, node: Any, source: Any) -> None:
    """Give a node the subject hierarchy parent and the transform of its source, and a reference to it.

    Args:
        scene: of both.
        node: the result.
        source: what it was made of.
    """
    node.SetAndObserveTransformNodeID(source.GetTransformNodeID())
    node.SetNodeReferenceID(SOURCE_ROLE, source.GetID())
    hierarchy = hierarchy_of(scene)
    if hierarchy is None:
        return
    place = hierarchy.GetItemByDataNode(source)
    parent = hierarchy.GetItemParent(place) if place else hierarchy.GetSceneItemID()
    _put(hierarchy, node, parent)


def describe_series(scene: Any, node: Any, modality: str) -> None:
    """Have an export to DICOM from the subject hierarchy say that the series is synthetic.

    Args:
        scene: of the node.
        node: the result, which has a place in the hierarchy.
        modality: of the result, as the bundle states it.
    """
    hierarchy = hierarchy_of(scene)
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
    if not item:
        return
    hierarchy.SetItemAttribute(item, "DICOM.SeriesDescription", node.GetDescription()[:64])  # as long as LO can be
    kind = next((code for code in ("MR", "CT", "PT") if modality.upper().startswith(code)), "")
    if kind:
        hierarchy.SetItemAttribute(item, "DICOM.Modality", kind)


def place_in_folder(scene: Any, nodes: list[Any], name: str) -> None:
    """Put several results into a folder of their own.

    Args:
        scene: of the nodes.
        nodes: the results.
        name: of the folder.
    """
    hierarchy = hierarchy_of(scene)
    if hierarchy is None:
        return
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), name)
    for node in nodes:
        _put(hierarchy, node, folder)


def hierarchy_of(scene: Any) -> Any:
    """The subject hierarchy of a scene."""
    import slicer

    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def remove_with_item(scene: Any, node: Any) -> None:
    """Remove a node and its place in the hierarchy, which stays behind where no application cares for it."""
    hierarchy = hierarchy_of(scene)
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
    scene.RemoveNode(node)
    if item and hierarchy.GetItemDataNode(item) is None:
        hierarchy.RemoveItem(item)


def result_name(source: str, modality: str, kind: str = "result") -> str:
    """Name of a node: what it was made of, what it is, and that it is synthetic.

    Args:
        source: name of the input; empty for what was made of noise.
        modality: of the result, as the bundle states it; what follows a comma is left out.
        kind: "result", "uncertainty" or "anomaly map".
    """
    what = modality.partition(",")[0].strip() if kind == "result" else kind
    words = [word for word in (source, what) if word]
    return f"{' '.join(words) or 'Result'} ({'synthetic' if kind == 'result' else 'of a model'})"


def _put(hierarchy: Any, node: Any, parent: int) -> None:
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, parent)
    else:  # where no application makes an item for every node
        hierarchy.CreateItem(parent, node)
