"""A drawing as a PDF from Onshape: link in, file out; no models, no requests of ours.

Three calls: start a translation, ask how far it is, download its result. Sources,
all under https://onshape-public.github.io/docs: ``api-adv/translation`` (the calls
and the states), ``api-adv/errors`` (429 with Retry-After, 307), ``auth/apikeys``
(signatures), ``auth/limits`` (an account has some thousand calls a year, so each
wait is longer than the one before).
"""
