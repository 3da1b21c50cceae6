print("viridian")
