import type { Logger } from 'pino'
import { checkCloudFoundry } from '../cloud-foundry/check.ts'
import type { MetadataSource } from '../cloud-foundry/metadata.ts'
import type { Config } from '../config/config.ts'
import { checkDeadLetters } from '../dead-letters/check.ts'
import { kafkaConfig } from '../kafka/connection.ts'
import { asJson, asText, type Finding, type Findings } from './finding.ts'

export interface CheckOptions {
  readonly config: Config
  /** Where the worker would get its metadata; closed at the end. Undefined where no input needs any. */
  readonly source: MetadataSource | undefined
  /** One JSON object a line, for scripts. */
  readonly json: boolean
  /** Called with each finding as it comes, without a line feed. */
  readonly print: (line: string) => void
  readonly log: Logger
}

/**
 * Tries the configuration against the real servers, and changes nothing there. Resolves to
 * whether the worker would work, to false when `signal` aborts; whatever is wrong with one part, the others are tried too.
 */
export async function check({ config, source, json, print, log }: CheckOptions, signal: AbortSignal): Promise<boolean> {
  let isWell = true
  const { redact } = config.secrets
  const report = (finding: Finding) => {
    if (finding.outcome === 'failed') isWell = false
    print(redact(json ? asJson(finding) : asText(finding)))
  }
  try {
    for await (const finding of allFindings({ config, source, log }, signal)) {
      if (signal.aborted) return false
      report(finding)
    }
  } finally {
    await source?.close()
  }
  return isWell
}

async function* allFindings({ config, source, log }: Pick<CheckOptions, 'config' | 'source' | 'log'>, signal: AbortSignal): Findings {
  const ofKafka = new Set<Finding['outcome']>()
  for (const input of config.inputs) {
    for await (const finding of input.check(log, signal)) {
      if (finding.part === 'kafka') ofKafka.add(finding.outcome)
      yield finding
    }
  }
  const isKafkaSilent = ofKafka.size > 0 && !ofKafka.has('ok')
  if (!isKafkaSilent) yield* checkDeadLetters({ topic: config.kafka.deadLetterTopic, kafka: kafkaConfig({ ...config.kafka, log }) })
  if (source !== undefined) yield* checkCloudFoundry({ config: config.cf, options: { ...config.cf, log }, source }, signal)
  for (const output of config.outputs) yield* output.check(log, signal)
}
