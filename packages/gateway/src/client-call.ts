import type { CallContext, CallMetadata } from '@cometmq/runtime'
import { bounds } from './config.ts'
import { RefusedCall } from './status.ts'

const FORWARDED = 'x-comet-forwarded-by'
const QUEUE = 'x-comet-queue'
const PEER = 'x-comet-peer'
const LISTENER = 'x-comet-listener'

/** Who makes a call, as its metadata says. */
export interface ClientCall {
  readonly clientId: string
  /** As the client writes it; Node's is `HTTP`. */
  readonly language: string
  readonly version: string
  /** `host:port` of the client, also where another process has forwarded the call. */
  readonly peer: string
  /** On which the client came in, here or at the process that has forwarded the call. */
  readonly listener: string
  /** `host:port` that the client has dialled; empty in a forwarded call. */
  readonly authority: string
  /** Another process decided that this one owns the call; it must not go any further. */
  readonly isForwarded: boolean
  /** The queue that process has chosen. */
  readonly queueId: number | undefined
  readonly metadata: CallMetadata
  readonly signal: AbortSignal
  readonly remainingMs: number
}

/** Throws `CLIENT_ID_REQUIRED`. */
export function clientCallOf(context: CallContext): ClientCall {
  const { metadata } = context
  const clientId = metadata['x-mq-client-id']?.trim() ?? ''
  if (clientId === '' || clientId.length > bounds.clientIdMaxChars) {
    throw new RefusedCall(
      'CLIENT_ID_REQUIRED',
      `x-mq-client-id has ${clientId.length} characters; 1 to ${bounds.clientIdMaxChars} are needed`,
    )
  }
  const queue = metadata[QUEUE]
  const isForwarded = isForwardedCall(context)
  return {
    clientId,
    language: metadata['x-mq-language'] ?? '',
    version: metadata['x-mq-client-version'] ?? '',
    peer: (isForwarded ? metadata[PEER] : undefined) ?? context.peer,
    listener: (isForwarded ? metadata[LISTENER] : undefined) ?? context.listener,
    authority: isForwarded ? '' : context.authority,
    isForwarded,
    queueId: queue !== undefined && /^\d{1,5}$/.test(queue) ? Number(queue) : undefined,
    metadata,
    get signal() {
      return context.signal
    },
    get remainingMs() {
      return context.remainingMs
    },
  }
}

/** Whether another process makes the call for a client of its own. */
export function isForwardedCall({ metadata }: Pick<CallContext, 'metadata'>): boolean {
  return metadata[FORWARDED] !== undefined
}

/** The client's own metadata for the owner of its call, with the mark that stops a loop. */
export function forwardedMetadata(
  { metadata, peer, listener }: ClientCall,
  forwarding: { readonly by: string; readonly queueId?: number },
): CallMetadata {
  const passed: Record<string, string> = {
    [FORWARDED]: forwarding.by,
    [PEER]: peer,
    [LISTENER]: listener,
  }
  for (const [name, value] of Object.entries(metadata)) {
    if (name.startsWith('x-mq-') || name === 'authorization') passed[name] = value
  }
  if (forwarding.queueId !== undefined) passed[QUEUE] = String(forwarding.queueId)
  return passed
}
