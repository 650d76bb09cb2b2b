/**
 * What official clients say of a message that the record format has no field for. Users see none of
 * it as properties, at either door: see `isHiddenProperty`.
 */
export const hidden = {
  bodyEncoding: '\u0001body-encoding',
  bornHost: '\u0001born-host',
  traceContext: '\u0001trace-context',
} as const
