"""Within Slicer: the panel's parts that need neither packages nor models."""

import unittest

from MONAIGANLib import install, samples, tasks


class MONAIGANCatalogueTest(unittest.TestCase):
    """Tasks, sample and requirements."""

    def test_tasks(self):
        self.assertEqual(tasks.taskNamed("nothing").name, "translation")
        self.assertEqual(len({task.title for task in tasks.allTasks()}), 4)

    def test_sample(self):
        voxels = samples.headPhantom()
        self.assertEqual(voxels.shape, (32, 112, 96))
        self.assertGreater(voxels.max(), 500)

    def test_question_names_the_packages(self):
        import slicer

        path = slicer.util.modulePath("MONAIGAN").replace("MONAIGAN.py", "Resources/requirements.txt")
        self.assertIn("monai-gan", install.question(path))


if __name__ == "__main__":
    unittest.main()
