/** As a fetch response tells it: the transaction's messages are those of the producer from that offset to its next abort marker. */
export interface AbortedTransaction {
  readonly producerId: string
  readonly firstOffset: string
}

/** What kafkajs makes of a message or a control record; a record batch stands for its messages, at its last offset. */
export interface FetchedMessage {
  readonly offset: string
  readonly key: Buffer | null
  /** Control records, and whatever is set here, kafkajs leaves out and goes on behind. */
  isControlRecord: boolean
  readonly batchContext?: { readonly producerId: string; readonly inTransaction: boolean }
}

/** The type of a control record, in its key behind a version of two bytes. */
const ABORT = 0

/**
 * Marks the messages of aborted transactions, as Kafka's own consumer does it: at each batch, all transactions that begin up to
 * its last offset are taken in, and a producer's is over at its abort marker. Kafka lists transactions in the order of their
 * markers, not of their beginnings, and more than one may begin within a batch; kafkajs takes them one at a time and as they are
 * listed, so that where transactions interleave messages of aborted ones came through.
 */
export function leaveOutAborted(messages: readonly FetchedMessage[], transactions: readonly AbortedTransaction[]): void {
  const waiting = transactions
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: Number(firstOffset) }))
    .sort((a, b) => a.firstOffset - b.firstOffset)
  const aborted = new Set<string>()
  let next = 0
  for (const message of messages) {
    const { producerId = '', inTransaction = false } = message.batchContext ?? {}
    for (let each = waiting[next]; each !== undefined && each.firstOffset <= Number(message.offset); each = waiting[++next]) {
      aborted.add(each.producerId)
    }
    if (message.isControlRecord) {
      if (isAbortMarker(message)) aborted.delete(producerId)
    } else if (inTransaction && aborted.has(producerId)) message.isControlRecord = true
  }
}

function isAbortMarker({ key }: FetchedMessage): boolean {
  return key !== null && key.length >= 4 && key.readInt16BE(2) === ABORT
}
