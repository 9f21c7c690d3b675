"""STEP file in; model, picture and measures out.

The C++ kernel underneath crashes, hangs or eats all memory on a broken file, so
everything that touches it, and numpy and Pillow with it, runs in a child process
of its own (``child``). What starts it is ``step``. Importing this package costs
nothing, since each child does it.
"""
