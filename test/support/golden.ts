import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'

/** What the Go original made of an envelope, run with its own vendored libraries. */
export interface GoldenCase {
  readonly id: number
  readonly kind: string
  readonly json?: string
  readonly json_base64?: string
  /** The same envelope as kafka-firehose-nozzle spells it, where that differs. */
  readonly json_nozzle?: string
  readonly protobuf_base64?: string
  readonly outcome: 'point' | 'discarded' | 'no_app_guid' | 'not_found' | 'undecodable' | 'transform_error'
  readonly line?: string
  readonly original_error?: string
}

export interface GoldenMessage {
  readonly name: string
  readonly golden: GoldenCase
  readonly message: Buffer
  /** The apps that exist for this case. */
  readonly apps: readonly AppMetadata[]
}

/** Every case in each of its spellings. */
export const goldenMessages: readonly GoldenMessage[] = [...messagesOf('envelopes'), ...messagesOf('decode-edge')]

function messagesOf(set: string): GoldenMessage[] {
  const apps = JSON.parse(fixture(`${set}.apps.json.gz`)) as AppMetadata[]
  const cases = fixture(`${set}.jsonl.gz`).trimEnd().split('\n')
  return cases.flatMap((line) => {
    const golden = JSON.parse(line) as GoldenCase
    return Object.entries(spellings(golden)).flatMap(([spelling, message]) =>
      message === undefined ? [] : [{ name: `${golden.kind} ${golden.id} ${spelling}`, golden, message, apps }],
    )
  })
}

function spellings({ json, json_base64, json_nozzle, protobuf_base64 }: GoldenCase): Record<string, Buffer | undefined> {
  return {
    json: json === undefined ? base64(json_base64) : Buffer.from(json),
    json_nozzle: json_nozzle === undefined ? undefined : Buffer.from(json_nozzle),
    protobuf: base64(protobuf_base64),
  }
}

function base64(text: string | undefined): Buffer | undefined {
  return text === undefined ? undefined : Buffer.from(text, 'base64')
}

function fixture(name: string): string {
  return gunzipSync(readFileSync(new URL(`../fixtures/golden/${name}`, import.meta.url))).toString()
}
