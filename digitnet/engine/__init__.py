"""The mathematics: arrays in, arrays out, without files or a terminal."""
