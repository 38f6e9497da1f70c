"""Recipes for the lab's offline bundle: package tarballs and container images made of Debian's own packages."""
