import { CometError } from '@cometmq/protocol'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Reads `host:port`; an IPv6 host stands in brackets. Throws `CONFIG_INVALID`. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[(?<ipv6>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]/\s]+)):(?<port>\d{1,5})$/.exec(text)
  const host = match?.groups?.['ipv6'] ?? match?.groups?.['host']
  const port = Number(match?.groups?.['port'])
  if (host === undefined || port > 65_535) {
    throw new CometError('CONFIG_INVALID', `"${text}" is no address; write host:port`)
  }
  return { host, port }
}

export function formatAddress(address: Address): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return `${host}:${address.port}`
}
