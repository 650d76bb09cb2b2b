import { isIP } from 'node:net'

export interface Address {
  /** Without the brackets of an IPv6 address. */
  readonly host: string
  readonly port: number
}

export const ADDRESS_EXAMPLES = 'host:port, such as localhost:9876 or [::1]:9876'

/** `undefined` if it is no `host:port`. */
export function parseAddress(given: string): Address | undefined {
  const match = /^(?:\[([^\]]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(given)
  if (match === null) return undefined
  const [, bracketed, plain, digits] = match
  const port = Number(digits)
  if (port > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6)) return undefined
  return { host: bracketed ?? plain ?? '', port }
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether it stands for every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}
