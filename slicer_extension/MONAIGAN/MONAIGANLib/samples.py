"""A sample that needs no download: a head of simple shapes with the contrast of a T1-weighted image."""

from pathlib import Path

from MONAIGANLib.texts import _

CATEGORY = "MONAIGAN"
SAMPLE = "HeadPhantom"


def registerSampleData():
    """Offer the sample in the module Sample Data."""
    import SampleData

    icons = Path(__file__).parents[1] / "Resources" / "Icons"
    logic = SampleData.SampleDataLogic
    if hasattr(logic, "registerCustomSampleDataCategory"):
        logic.registerCustomSampleDataCategory(CATEGORY, title=_("MONAI GAN"))
    logic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE,
        thumbnailFileName=str(icons / "HeadPhantom.png"),
        uris="",
        fileNames="",
        nodeNames=SAMPLE,
        customDownloader=addHeadPhantom,
    )


def addHeadPhantom(source=None, scene=None):
    """Add the sample to the scene.

    :param source: what the module Sample Data hands over
    :param scene: by default that of the application
    :return: the vtkMRMLScalarVolumeNode
    """
    import slicer
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    scene = scene or slicer.mrmlScene
    voxels = headPhantom()
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(voxels.shape))
    scalars = numpy_to_vtk(voxels.ravel(), deep=True)
    scalars.SetName("T1")
    image.GetPointData().SetScalars(scalars)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(SAMPLE))
    node.SetAndObserveImageData(image)
    node.SetSpacing(1.5, 1.5, 3.0)
    # RAS, with the head in the middle of the room
    node.SetOrigin(*(-0.5 * step * (n - 1) for step, n in zip((1.5, 1.5, 3.0), reversed(voxels.shape), strict=True)))
    node.CreateDefaultDisplayNodes()
    if node.GetDisplayNode() is not None:
        node.GetDisplayNode().AutoWindowLevelOn()
    return node


def headPhantom(size=(32, 112, 96)):
    """The voxels (slices, rows, columns) of the sample, int16."""
    import numpy as np

    z, y, x = np.meshgrid(*(np.linspace(-1, 1, length) for length in size), indexing="ij")

    def ellipsoid(centre, radii):
        parts = zip((x, y, z), centre, radii, strict=True)
        return sum(((axis - middle) / radius) ** 2 for axis, middle, radius in parts) < 1

    head = np.zeros(size)
    head[ellipsoid((0, 0, 0), (0.80, 0.90, 0.95))] = 700  # scalp
    head[ellipsoid((0, 0, 0), (0.74, 0.84, 0.89))] = 60  # skull
    head[ellipsoid((0, 0, 0), (0.69, 0.79, 0.84))] = 150  # fluid
    head[ellipsoid((0, 0, 0), (0.66, 0.76, 0.81))] = 420  # grey matter
    folds = 0.05 * np.sin(14 * np.arctan2(y, x)) * np.cos(5 * z)
    white = (x / 0.53) ** 2 + (y / 0.63) ** 2 + (z / 0.68) ** 2 < (1 + folds) ** 2
    head[white] = 620
    for side in (-1, 1):
        head[ellipsoid((0.14 * side, 0.08, 0.08), (0.08, 0.28, 0.22))] = 140  # ventricles
        head[ellipsoid((0.24 * side, 0.02, -0.05), (0.09, 0.17, 0.14))] = 460  # deep grey matter
    shade = 1 + 0.06 * x - 0.05 * y
    noise = np.random.default_rng(0).normal(0, 14, size)
    return np.clip(head * shade + noise * (head > 0) + np.abs(noise) * 0.3, 0, 2000).astype(np.int16)
