"""What the module MONAIGAN is made of; nothing here imports a package that Slicer does not bring when it is loaded."""
