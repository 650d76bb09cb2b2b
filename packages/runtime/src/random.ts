/** Chance. One seed drives all of it in simulation. */
export interface Random {
  /** In `[0, 1)`. */
  fraction(): number

  /** `byteLength` random bytes as lower-case hexadecimal, for ids. */
  hex(byteLength: number): string
}
