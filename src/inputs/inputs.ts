import { docker } from './docker/end.ts'
import { firehose } from './firehose/end.ts'
import { kafka } from './kafka/end.ts'

/** All inputs, in the manual's order. Whoever adds one names it here, twice, and nowhere else. */
export const INPUTS = [kafka, firehose, docker] as const
export const INPUT_VARIABLES = { ...kafka.variables, ...firehose.variables, ...docker.variables }

export const INPUT_NAMES: readonly string[] = INPUTS.map(({ name }) => name)
