import { fileURLToPath } from 'node:url'
import { Ajv, type AnySchema, type ValidateFunction } from 'ajv'
import { createGenerator } from 'ts-json-schema-generator'

/** Checks values against the types of grafana-types.ts, by their names; keys that a type does not have are mistakes. */
export function grafanaSchema(): (type: string) => ValidateFunction {
  const path = fileURLToPath(new URL('grafana-types.ts', import.meta.url))
  const schema = createGenerator({ path, skipTypeCheck: true, additionalProperties: false }).createSchema('*')
  const ajv = new Ajv({ strict: false, allErrors: true }).addSchema(schema as AnySchema, 'grafana')
  return (type) => ajv.compile({ $ref: `grafana#/definitions/${type}` })
}
