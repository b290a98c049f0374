"""The regions of an anomaly map as nodes of the scene and as rows for the panel."""

from MONAIGANLib.texts import _


def update(scene, anomalies, threshold, table=None, segmentation=None, segment=False):
    """Find the regions above a threshold and put them into nodes.

    :param scene: the scene
    :param anomalies: volume node of the map
    :param threshold: in the values of the map
    :param table: vtkMRMLTableNode to fill; None makes one
    :param segmentation: vtkMRMLSegmentationNode to fill; None makes one if it is asked for
    :param segment: whether a segmentation is asked for
    :return: (rows of texts, table, segmentation)
    """
    from monai_gan.mrml import find_regions, region_texts, write_segmentation, write_table

    regions, labels = find_regions(anomalies, threshold)
    name = anomalies.GetName()
    if table is None:
        table = scene.AddNewNodeByClass(
            "vtkMRMLTableNode", scene.GenerateUniqueName(_("Regions of {name}").format(name=name))
        )
    write_table(table, regions)
    if segment:
        if segmentation is None:
            title = _("Segmentation of {name}").format(name=name)
            segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(title))
        write_segmentation(scene, segmentation, anomalies, labels)
    return region_texts(regions), table, segmentation


def headings():
    """Of the rows."""
    return [_("Region"), _("cm³"), _("Mean"), _("Maximum"), _("Center (R, A, S)")]
