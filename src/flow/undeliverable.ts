import type { Ack, DeadLetter, Unreadable } from './contracts.ts'

/** A dead letter, and the message to settle once it is kept. */
export interface Undeliverable extends DeadLetter {
  readonly ack: Ack
  readonly index: number
  /** Of messages from `index` on. */
  readonly count: number
}

/** `output` is the one that refuses. `value` is the message's; it is copied where `keepsValue`, since a view would keep a whole fetch response alive. */
export function undeliverable(
  reason: DeadLetter['reason'],
  error: string,
  output: string,
  ack: Ack,
  index: number,
  value: Uint8Array | null,
  keepsValue: boolean,
): Undeliverable {
  return {
    reason,
    error,
    output: reason === 'refused' ? output : undefined,
    ack,
    index,
    count: 1,
    topic: ack.topic,
    partition: ack.partition,
    offset: String(ack.offsetOf(index)),
    eventId: ack.source.idOf(ack.offsetOf(index)),
    sizeBytes: value?.length ?? 0,
    value: keepsValue && value !== null ? Buffer.from(value) : undefined,
  }
}

/** The one dead letter of messages that could not be read. */
export function unreadableLetter({ problem, count, codec, stored }: Unreadable, ack: Ack, keepsValue: boolean): Undeliverable {
  return { ...undeliverable('undecodable', problem, '', ack, 0, stored, keepsValue), eventId: undefined, count, batch: { count, codec } }
}
