"""What scores are worth: similarity matrices, ROC and DET, intervals over devices."""
