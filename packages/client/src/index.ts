// The public names of this package are listed here, one by one, as they come to exist.
export {}
