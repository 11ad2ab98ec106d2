"""Parts that all trainings share: the optimiser's steps, augmentation, the validation split."""
