"""The test that Slicer runs: in its Reload & Test menu, and by CTest in a build tree."""

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

from MONAIGANLib import catalogue, install, requests, samples
from MONAIGANLib.logic import MONAIGANLogic

#: Ships with the package monai-gan.
BUNDLE = "brain_t1_to_t2_pix2pix"


class MONAIGANTest(ScriptedLoadableModuleTest):
    """Runs within Slicer and needs no download: sample and bundle come with the extension and its package."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        if install.missing():
            self.delayDisplay("The Python packages are not installed: only the panel without them is tested.")
            self.setUp()
            self.test_without_packages()
            return
        for test in (self.test_translation, self.test_refusals, self.test_cancel):
            self.setUp()
            test()

    def test_without_packages(self):
        """The module says what is missing."""
        self.assertTrue(install.missing())
        self.assertEqual(catalogue.bundlesOf("translation"), [])

    def test_translation(self):
        """A translation has the grid of its input, lies beside it and says that it is synthetic."""
        from monai_gan.mrml import origin_of

        source = samples.addHeadPhantom()
        outcome = MONAIGANLogic().run(self._choices(source))
        self.assertEqual(outcome.volume.GetImageData().GetDimensions(), source.GetImageData().GetDimensions())
        for found, wanted in zip(outcome.volume.GetOrigin(), source.GetOrigin(), strict=True):
            self.assertAlmostEqual(found, wanted, places=3)
        self.assertIsNotNone(origin_of(outcome.volume))
        self.delayDisplay("Translation passed")

    def test_refusals(self):
        """What cannot work is refused before anything starts."""
        with self.assertRaises(RuntimeError):
            MONAIGANLogic().run(self._choices(None))
        self.delayDisplay("Refusals passed")

    def test_cancel(self):
        """A cancelled run leaves the scene as it was."""
        source = samples.addHeadPhantom()
        before = slicer.mrmlScene.GetNumberOfNodes()
        logic = MONAIGANLogic()
        logic.start(self._choices(source))
        logic.abandon()
        self.assertEqual(logic.job.state.value, "cancelled")
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), before)
        self.delayDisplay("Cancel passed")

    def _choices(self, source):
        return requests.Choices(bundle=BUNDLE, source=source, device="cpu")
