import { publishMethod } from '@cometmq/protocol'
import { accept, type Handler } from '@cometmq/runtime'
import type { MessageIntake } from '../produce/message-intake.ts'

export function publishHandlers(intake: MessageIntake): Handler[] {
  return [accept(publishMethod, (stream) => intake.accept(stream))]
}
