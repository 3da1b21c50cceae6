"""A site that counts its visits, and shows each open page the count, the version and the colour that serves it."""
