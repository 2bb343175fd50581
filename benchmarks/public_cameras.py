"""What is known of the cameras of the public photographs and not to be read from their names (docs/opencams.md)."""

CONTROLS = {  # Models that photographed the same kind of thing: what they show does not part them.
  "printed sudokus": ("Apple_iPhone5s", "Samsung_GTI9505"),
  "cartridges": ("Apple_iPhone11", "Google_Pixel5"),
  "one project": ("Nikon_D60", "DJI_FC6360"),
  "chessboards": ("Apple_iPad3", "Apple_iPhone3GS", "HTC_7Mozart"),
  "white surfaces": ("Samsung_GTI9300", "Samsung_SMJ330F"),
}
OTHER_NAMES = {"Canon_RebelT5i": "Canon_700D"}  # One model under two names.
