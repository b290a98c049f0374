"""Published networks cut off before their classifiers: a batch of images in, a list of feature maps out.

Their tensors have the names of the published state dicts. Each network says in ``stem`` which convolution sees the
image, in ``minimum`` the smallest side of an image that it accepts, and in ``normalised`` which normalisations follow
which convolutions, so that frozen ones can be folded.
"""
