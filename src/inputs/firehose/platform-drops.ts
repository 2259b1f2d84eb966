/** Who says it has dropped envelopes of everybody's: the gateway's RLP and the dopplers. Agents and drains, which drop on other ways, do not count. */
const SOURCES = /^(loggregator\.)?(rlp|doppler|trafficcontroller|reverse_log_proxy)$/

interface Counter {
  readonly source_id?: unknown
  readonly sourceId?: unknown
  readonly tags?: { readonly origin?: unknown }
  readonly counter?: { readonly name?: unknown; readonly delta?: unknown }
}

/** How many envelopes the platform says in this counter that it has dropped; 0 of any other envelope. */
export function platformDrops(envelope: Buffer): number {
  let parsed: Counter
  try {
    parsed = JSON.parse(envelope.toString()) as Counter
  } catch {
    return 0
  }
  const { counter, tags, source_id, sourceId } = parsed
  if (counter?.name !== 'dropped') return 0
  if (![tags?.origin, source_id, sourceId].some((source) => typeof source === 'string' && SOURCES.test(source))) return 0
  const delta = Number(counter.delta ?? 0)
  return Number.isFinite(delta) && delta > 0 ? delta : 0
}
