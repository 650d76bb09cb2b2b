import { CometError } from '@cometmq/protocol'

/** `host:port` of name servers: a list, or a text with commas. Throws `CONFIG_INVALID` on anything else. */
export function parseEndpoints(endpoints: string | readonly string[]): readonly string[] {
  const list = typeof endpoints === 'string' ? endpoints.split(',') : endpoints
  const parsed = list.map((endpoint) => endpoint.trim()).filter((endpoint) => endpoint !== '')
  if (parsed.length === 0) {
    throw new CometError(
      'CONFIG_INVALID',
      'no endpoints: name at least one name server as host:port',
    )
  }
  for (const endpoint of parsed) {
    const [, port] = /^(?:\[[^\]]+\]|[^\s:/]+):(\d{1,5})$/.exec(endpoint) ?? []
    if (port === undefined || Number(port) > 65_535) {
      throw new CometError('CONFIG_INVALID', `the endpoint "${endpoint}" is not host:port`)
    }
  }
  return [...new Set(parsed)]
}
