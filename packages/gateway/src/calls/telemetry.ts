import { CometError } from '@cometmq/protocol'
import type {
  Settings,
  TelemetryCommand,
  TelemetryCommand__Input,
} from '@cometmq/protocol/rocketmq'
import { accept, type Handler, type MessageStream } from '@cometmq/runtime'
import type { ClientCall } from '../client-call.ts'
import type { GatewayContext } from '../context.ts'
import type { CallEdge } from '../edge.ts'
import type { TelemetryLine } from '../sessions.ts'
import { knownGroup } from '../group-settings.ts'
import { answerSettings, checkSettings } from '../settings.ts'
import { OK, RefusedCall, statusOf } from '../status.ts'
import { filterOf } from '../validate/filter.ts'

/** Node.js loses the first settings when several brokers answer at once; so it gets them twice. */
const REPEAT_FOR_NODE_MS = 1_000

type Stream = MessageStream<TelemetryCommand__Input, TelemetryCommand>

/** The line on which client and server tell each other what they are, and what to do. */
export function telemetry(context: GatewayContext, edge: CallEdge): Handler {
  return accept(context.methods.Telemetry, (stream, callContext) => {
    let admitted: ReturnType<CallEdge['admit']>
    try {
      admitted = edge.admit(callContext)
    } catch (thrown) {
      stream.receive({ message: () => {}, ended: () => {}, failed: () => {} })
      stream.send({ status: statusOf(thrown, context.log) })
      stream.end()
      return
    }
    const { call, session } = admitted
    const over = new AbortController()
    const line: TelemetryLine = {
      tell: (command) => void stream.send(command),
      end: (why) => {
        if (why !== undefined) stream.send({ status: why })
        stream.end()
        over.abort()
      },
    }
    const gone = (): void => {
      context.sessions.removeLine(session, line)
      over.abort()
    }
    stream.receive({
      message: (command) => {
        // Sent before its client has heard of the end.
        if (over.signal.aborted) return
        void take(context, { stream, call, command, signal: over.signal })
      },
      ended: () => {
        gone()
        stream.end()
      },
      failed: gone,
    })
    context.sessions.addLine(session, line)
  })
}

async function take(
  context: GatewayContext,
  {
    stream,
    call,
    command,
    signal,
  }: {
    readonly stream: Stream
    readonly call: ClientCall
    readonly command: TelemetryCommand
    /** Aborted when the stream is over. */
    readonly signal: AbortSignal
  },
): Promise<void> {
  // Who sends settings without end waits for the answers.
  stream.pause()
  try {
    const session = context.sessions.touch(call)
    // What else clients send answers commands that this server does not give.
    if (command.command !== 'settings' || !command.settings) return
    const { settings } = command
    checkSettings(settings)
    const isFirst = session.settings === undefined
    session.settings = settings
    session.clientType = settings.clientType ?? session.clientType
    session.group = settings.subscription?.group?.name ?? session.group
    await subscribe(context, call, settings)
    const { group, answered } = await knownGroup(context, { call, settings, signal })
    const answer = {
      status: OK,
      settings: answered ?? answerSettings(settings, { language: call.language, group }),
    }
    stream.send(answer)
    if (!isFirst || call.language !== 'HTTP') return
    context.clock.schedule(REPEAT_FOR_NODE_MS, () => void stream.send(answer))
  } catch (thrown) {
    const { message } = statusOf(thrown, context.log)
    const code = thrown instanceof RefusedCall ? 'ILLEGAL_ARGUMENT' : 'INTERNAL'
    stream.cancel(new CometError(code, message ?? 'the settings cannot be used'))
  } finally {
    stream.resume()
  }
}

/** Fixes where the group starts in topics that are new to it: from now on, and not from its first poll. */
async function subscribe(
  { broker, log }: GatewayContext,
  { clientId, peer }: ClientCall,
  { subscription }: Settings,
): Promise<void> {
  if (broker === undefined || !subscription?.group) return
  const group = subscription.group.name
  const topics = subscription.subscriptions.flatMap(({ topic, expression }) =>
    topic !== null && broker.topic(topic.name) !== undefined
      ? [{ topic: topic.name, ...filterOf(expression) }]
      : [],
  )
  if (topics.length === 0) return
  try {
    await broker.subscribe({ group, clientId, peer }, topics)
  } catch (error) {
    // The client learns why from its first receive, where it can be told.
    log.debug({ group, clientId, error }, 'a group could not subscribe with its settings')
  }
}
