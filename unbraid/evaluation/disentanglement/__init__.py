"""How far learned latents are the known factors, one by one: MIG, DCI, SAP and the FactorVAE score."""

from unbraid.evaluation.disentanglement.dci import DCI, dci
from unbraid.evaluation.disentanglement.factor_vae import FactorVAEScore, factor_vae
from unbraid.evaluation.disentanglement.learners import MissingDependencyError
from unbraid.evaluation.disentanglement.measure import Disentanglement, measure_disentanglement
from unbraid.evaluation.disentanglement.mig import MutualInformationGap, mig
from unbraid.evaluation.disentanglement.sap import SeparatedPredictability, sap

__all__ = [
    "DCI",
    "Disentanglement",
    "FactorVAEScore",
    "MissingDependencyError",
    "MutualInformationGap",
    "SeparatedPredictability",
    "dci",
    "factor_vae",
    "measure_disentanglement",
    "mig",
    "sap",
]
