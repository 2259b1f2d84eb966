import type { AppEvent, ContainerHappening } from '../../cloud-foundry/app-event.ts'
import { formatFloat } from '../../lib/float.ts'

/** In readings: the others are whole numbers. */
const FLOATS = new Set(['cpu', 'throttled_seconds'])

/** Of a container's id. */
const CONTAINER_DIGITS = 12

/** ` cpu=1.5,memory=7i … `, with the share of the quota where both are there. */
export function containerUsageFields(readings: AppEvent['readings']): string {
  const fields = Object.entries(readings).flatMap(([name, digits]) => {
    const field = `${name}=${digits}${FLOATS.has(name) ? '' : 'i'}`
    const ratio = name === 'memory' ? Number(digits) / Number(readings['memory_quota']) : Number.NaN
    return Number.isFinite(ratio) ? [field, `memory_pct=${formatFloat(ratio)}`] : [field]
  })
  return ` ${fields.join(',')} `
}

/** ` count=1i,container="4f66ad9a3c5f",exit_code=137i `: what has happened to the container. */
export function happeningFields({ exitCode, signal, isOom }: ContainerHappening, container: { readonly id: string } | undefined): string {
  const fields = [
    'count=1i',
    ...(container === undefined ? [] : [`container="${container.id.slice(0, CONTAINER_DIGITS)}"`]),
    ...(exitCode === undefined ? [] : [`exit_code=${exitCode}i`]),
    ...(isOom === true ? ['oom=true'] : []),
    ...(signal === undefined ? [] : [`signal=${signal}i`]),
  ]
  return ` ${fields.join(',')} `
}
