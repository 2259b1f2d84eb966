import { createRequire } from 'node:module'
import type { Cluster } from 'kafkajs'

const METADATA = 3
/** The first version that tells topic ids: Kafka 2.8. */
const VERSION = 10
const UUID_BYTES = 16
/** The topic is there. */
const LEADER_NOT_AVAILABLE = 5

const require = createRequire(import.meta.url)

/** kafkajs's connection to a broker, as far as a request of our own needs it. */
interface Broker {
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>>
  readonly connectionPool: {
    send(call: {
      readonly request: { readonly apiKey: number; readonly apiVersion: number; readonly apiName: string; encode(): Promise<unknown> }
      readonly response: { decode(payload: Buffer): Promise<object>; parse(answer: object): Promise<object> }
    }): Promise<object>
  }
}

/** kafkajs's cluster, with what its types leave out. */
type AskedCluster = Pick<Cluster, 'findBroker'> & { getNodeIds(): readonly string[] }

/**
 * The ids of topics, by name: a topic that is deleted and made anew has the same name and another id. Asked over kafkajs's own
 * connection, since none of its requests tells them. A topic that does not exist is left out; undefined where Kafka is older than 2.8.
 * Source: Kafka's protocol guide, Metadata v10.
 */
export async function topicIds(cluster: Cluster, topics: readonly string[]): Promise<ReadonlyMap<string, string> | undefined> {
  const asked = cluster as unknown as AskedCluster
  const [nodeId] = asked.getNodeIds()
  if (nodeId === undefined) return undefined
  const broker = (await asked.findBroker({ nodeId })) as unknown as Broker
  if ((broker.versions[METADATA]?.maxVersion ?? 0) < VERSION) return undefined
  const Encoder = require('kafkajs/src/protocol/encoder.js')
  const ids = await broker.connectionPool.send({
    request: { apiKey: METADATA, apiVersion: VERSION, apiName: 'Metadata', encode: async () => writeRequest(new Encoder(), topics) },
    response: { decode: async (payload) => readAnswer(payload), parse: async (answer) => answer },
  })
  return ids as ReadonlyMap<string, string>
}

interface Encoder {
  writeUVarInt(value: number): Encoder
  writeUVarIntString(value: string): Encoder
  writeInt8(value: number): Encoder
  writeBufferInternal(bytes: Buffer): void
}

/** kafkajs writes the header of requests before tagged fields: its own, none, begin the body. */
function writeRequest(encoder: Encoder, topics: readonly string[]): Encoder {
  encoder.writeUVarInt(0).writeUVarInt(topics.length + 1)
  for (const topic of topics) {
    encoder.writeBufferInternal(Buffer.alloc(UUID_BYTES))
    encoder.writeUVarIntString(topic).writeUVarInt(0)
  }
  // No topic is to be created, and nobody asks for rights.
  return encoder.writeInt8(0).writeInt8(0).writeInt8(0).writeUVarInt(0)
}

function readAnswer(payload: Buffer): ReadonlyMap<string, string> {
  const reader = new FlexibleReader(payload)
  reader.skipTags()
  reader.skip(4)
  reader.each(() => {
    reader.skip(4)
    reader.text()
    reader.skip(4)
    reader.text()
    reader.skipTags()
  })
  reader.text()
  reader.skip(4)
  const ids = new Map<string, string>()
  reader.each(() => {
    const error = reader.int16()
    const name = reader.text()
    const id = reader.bytes(UUID_BYTES).toString('hex')
    reader.skip(1)
    reader.each(() => {
      reader.skip(2 + 4 + 4 + 4)
      for (let lists = 0; lists < 3; lists++) reader.each(() => reader.skip(4))
      reader.skipTags()
    })
    reader.skip(4)
    reader.skipTags()
    if (error === 0 || error === LEADER_NOT_AVAILABLE) ids.set(name, id)
  })
  return ids
}

/** Reads what Kafka calls a flexible version: lengths are varints and one more than they are; each structure ends in tagged fields. */
class FlexibleReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  skip(bytes: number): void {
    this.#at += bytes
  }

  int16(): number {
    this.#at += 2
    return this.#bytes.readInt16BE(this.#at - 2)
  }

  bytes(length: number): Buffer {
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** '' also where there is none. */
  text(): string {
    return this.bytes(Math.max(0, this.#varint() - 1)).toString()
  }

  each(read: () => void): void {
    for (let left = this.#varint() - 1; left > 0; left--) read()
  }

  skipTags(): void {
    for (let left = this.#varint(); left > 0; left--) {
      this.#varint()
      this.skip(this.#varint())
    }
  }

  #varint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#at++)
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }
}
