// The contract suite of each port is listed here, one by one, as it comes to exist.
export {}
