"""Recipes by name."""

from unbraid.recipes.mnist import MNIST, ConvDigits
from unbraid.recipes.recipe import Recipe

RECIPES = {recipe.name: recipe for recipe in (MNIST,)}

__all__ = ["MNIST", "RECIPES", "ConvDigits", "Recipe"]
