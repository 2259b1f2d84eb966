/** What `SampleEncoder` says of an event: StatsD's type, the event's time in ns, the value, the name, and tags behind the type. */
export interface Sample {
  readonly type: string
  readonly time: string
  readonly value: string
  readonly name: string
  readonly tags: string
}

/** The samples of a batch, in their order. */
export function* samplesOf(text: string): Generator<Sample> {
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [type = '', time = '', value = '', name = ''] = line.split(' ', 4)
    yield { type, time, value, name, tags: line.slice(type.length + time.length + value.length + name.length + 4) }
  }
}
