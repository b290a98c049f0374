"""Figures that tell how far synthetic images are from real ones, how diverse they are and what they repeat."""

from __future__ import annotations

from monai_gan.metrics.accuracy_score import AccuracyScore, classification_accuracy_score
from monai_gan.metrics.augmentation import ClassicalAugmentation
from monai_gan.metrics.baselines import PCAGaussian, PixelGaussian, baseline_sets
from monai_gan.metrics.calibration import ScoreCalibration
from monai_gan.metrics.class_probe import ClassProbe
from monai_gan.metrics.classification import ClassifierScores, ClassifierTraining, Labelled, classification_scores
from monai_gan.metrics.detector_figures import (
    DetectionTruth,
    DetectorFigures,
    detector_figures,
    differences_from,
    paired_differences,
    pixel_threshold,
    resampled_figures,
    run_detector,
)
from monai_gan.metrics.diversity import mean_pairwise_distance, ms_ssim_diversity
from monai_gan.metrics.downstream import (
    FitGenerator,
    LabelledGenerator,
    Setting,
    compare_arms,
    learning_curve,
    train_on_synthetic,
)
from monai_gan.metrics.evaluation import FLOOR, Evaluation, Figure, FigureInfo, evaluate_sets
from monai_gan.metrics.extractors import EXTRACTORS, load_extractor
from monai_gan.metrics.feature_maps import EfficientNetMaps
from monai_gan.metrics.features import FeatureExtractor
from monai_gan.metrics.fid import FIDMetric, frechet_distance
from monai_gan.metrics.inception_score import InceptionScore, inception_score
from monai_gan.metrics.intervals import Interval, mean_interval
from monai_gan.metrics.kid import KernelDistance, KIDMetric, kernel_distance
from monai_gan.metrics.memorisation import Memorisation, memorisation, memorisation_pixels
from monai_gan.metrics.neighbours import nearest_images, nearest_neighbours
from monai_gan.metrics.precision_recall import DensityCoverage, PrecisionRecall, density_coverage, precision_recall
from monai_gan.metrics.profiles import intensity_histogram, radial_power_spectrum
from monai_gan.metrics.ranking import Ranking, bootstrap_interval, cluster_weights, dice, region_overlap
from monai_gan.metrics.simple_detectors import (
    ImageStatistics,
    NearestFeatures,
    PixelDeviation,
    PixelPatches,
    RawBrightness,
    SimpleDetector,
    top_mean,
)
from monai_gan.metrics.sliced_wasserstein import sliced_wasserstein
from monai_gan.metrics.ssim import MultiScaleSSIMMetric, SSIMMetric
from monai_gan.metrics.statistics import FeatureStatistics
from monai_gan.metrics.structure import gradient_agreement

__all__ = [
    "EXTRACTORS",
    "FLOOR",
    "AccuracyScore",
    "ClassProbe",
    "ClassicalAugmentation",
    "ClassifierScores",
    "ClassifierTraining",
    "DensityCoverage",
    "DetectionTruth",
    "DetectorFigures",
    "EfficientNetMaps",
    "Evaluation",
    "FIDMetric",
    "FeatureExtractor",
    "FeatureStatistics",
    "Figure",
    "FigureInfo",
    "FitGenerator",
    "ImageStatistics",
    "InceptionScore",
    "Interval",
    "KIDMetric",
    "KernelDistance",
    "Labelled",
    "LabelledGenerator",
    "Memorisation",
    "MultiScaleSSIMMetric",
    "NearestFeatures",
    "PCAGaussian",
    "PixelDeviation",
    "PixelGaussian",
    "PixelPatches",
    "PrecisionRecall",
    "Ranking",
    "RawBrightness",
    "SSIMMetric",
    "ScoreCalibration",
    "Setting",
    "SimpleDetector",
    "baseline_sets",
    "bootstrap_interval",
    "classification_accuracy_score",
    "classification_scores",
    "cluster_weights",
    "compare_arms",
    "density_coverage",
    "detector_figures",
    "dice",
    "differences_from",
    "evaluate_sets",
    "frechet_distance",
    "gradient_agreement",
    "inception_score",
    "intensity_histogram",
    "kernel_distance",
    "learning_curve",
    "load_extractor",
    "mean_interval",
    "mean_pairwise_distance",
    "memorisation",
    "memorisation_pixels",
    "ms_ssim_diversity",
    "nearest_images",
    "nearest_neighbours",
    "paired_differences",
    "pixel_threshold",
    "precision_recall",
    "radial_power_spectrum",
    "region_overlap",
    "resampled_figures",
    "run_detector",
    "sliced_wasserstein",
    "top_mean",
    "train_on_synthetic",
]
