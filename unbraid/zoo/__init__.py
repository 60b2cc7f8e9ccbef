"""Models of the literature, each in a few lines."""

from unbraid.zoo.adgm import ADGM
from unbraid.zoo.air import AIR
from unbraid.zoo.ccvae import CCVAE
from unbraid.zoo.cvae import CVAE
from unbraid.zoo.gmvae import GMVAE
from unbraid.zoo.m1 import M1
from unbraid.zoo.m1_m2 import M1M2
from unbraid.zoo.m2 import M2
from unbraid.zoo.sdgm import SDGM

__all__ = ["ADGM", "AIR", "CCVAE", "CVAE", "GMVAE", "M1", "M1M2", "M2", "SDGM"]
