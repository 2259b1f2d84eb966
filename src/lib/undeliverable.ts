import type { DeadLetter, Receipt, Unreadable } from '../types.ts'

/** A dead letter, and the message to settle once it is kept. */
export interface Undeliverable extends DeadLetter {
  readonly receipt: Receipt
  readonly index: number
  /** Of messages from `index` on. */
  readonly count: number
}

/** `output` is the one that refuses. `value` is the message's; it is copied where `keepsValue`, since a view would keep a whole fetch response alive. */
export function undeliverable(
  reason: DeadLetter['reason'],
  error: string,
  output: string,
  receipt: Receipt,
  index: number,
  value: Uint8Array | null,
  keepsValue: boolean,
): Undeliverable {
  return {
    reason,
    error,
    output: reason === 'refused' ? output : undefined,
    receipt,
    index,
    count: 1,
    topic: receipt.topic,
    partition: receipt.partition,
    offset: receipt.offsetOf(index),
    sizeBytes: value?.length ?? 0,
    value: keepsValue && value !== null ? Buffer.from(value) : undefined,
  }
}

/** The one dead letter of messages that could not be read. */
export function unreadableLetter({ problem, count, codec, stored }: Unreadable, receipt: Receipt, keepsValue: boolean): Undeliverable {
  return { ...undeliverable('undecodable', problem, '', receipt, 0, stored, keepsValue), count, batch: { count, codec } }
}
