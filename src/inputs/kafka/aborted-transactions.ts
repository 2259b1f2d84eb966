/** As a fetch response tells it: the transaction's messages are those of the producer from that offset to its next abort marker. */
export interface AbortedTransaction {
  readonly producerId: string
  readonly firstOffset: string
}

/** A record batch of messages, or of one control record. */
export interface FetchedBatch {
  readonly lastOffset: number
  readonly producerId: string
  readonly inTransaction: boolean
  readonly isControl: boolean
  readonly isAbortMarker: boolean
  isLeftOut: boolean
}

/**
 * Marks the messages of aborted transactions, as Kafka's own consumer does it: at each batch, all transactions that begin up to
 * its last offset are taken in, and a producer's is over at its abort marker. Kafka lists transactions in the order of their
 * markers, not of their beginnings, and more than one may begin within a batch; kafkajs takes them one at a time and as they are
 * listed, so that where transactions interleave messages of aborted ones came through.
 */
export function leaveOutAborted(batches: readonly FetchedBatch[], transactions: readonly AbortedTransaction[]): void {
  const waiting = transactions
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: Number(firstOffset) }))
    .sort((a, b) => a.firstOffset - b.firstOffset)
  const aborted = new Set<string>()
  let next = 0
  for (const batch of batches) {
    const { producerId, inTransaction } = batch
    for (let each = waiting[next]; each !== undefined && each.firstOffset <= batch.lastOffset; each = waiting[++next]) {
      aborted.add(each.producerId)
    }
    if (batch.isControl) {
      if (batch.isAbortMarker) aborted.delete(producerId)
    } else if (inTransaction && aborted.has(producerId)) batch.isLeftOut = true
  }
}
