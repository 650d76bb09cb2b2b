/** One rpc: its path and how its messages become bytes. */
export interface Method<Request, Response> {
  /** `/package.Service/Name` */
  readonly path: string
  readonly kind: 'unary' | 'server-stream' | 'bidi'
  encodeRequest(request: Request): Buffer
  /** Throws `MALFORMED_REQUEST` on bytes that are no such message. */
  decodeRequest(bytes: Buffer): Request
  encodeResponse(response: Response): Buffer
  decodeResponse(bytes: Buffer): Response
}
