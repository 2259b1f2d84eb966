import { spellV2, toV2, type V1, type V2Spelling } from '../../test/support/v2-envelopes.ts'
import { parseEnvelope } from '../envelope-protobuf.ts'
import { loadMix, type Mix, type MixOptions } from './mix.ts'

/** Gauges of usage that only V2 tells, as Diego's rep sends them beside each of the other kind. */
const FURTHER = [
  { cpu_entitlement: { unit: 'percentage', value: 12.5 } },
  {
    absolute_entitlement: { unit: 'nanoseconds', value: 8128123456789 },
    absolute_usage: { unit: 'nanoseconds', value: 301234567890 },
    container_age: { unit: 'nanoseconds', value: 60912345678901 },
  },
  { log_rate: { unit: 'B/s', value: 1318.5 }, log_rate_limit: { unit: 'B/s', value: -1 } },
]

/** What the platform says of an app in the tags of its envelopes. */
const APP_TAGS = {
  app_id: '9748ed3e-e42a-41a5-8e53-5a69b774fe83',
  app_name: 'shop-frontend',
  organization_id: '55d6d2a6-e8b1-4a2c-b5c5-9f4b0a3dbb5a',
  organization_name: 'retail',
  process_id: '9748ed3e-e42a-41a5-8e53-5a69b774fe83',
  process_instance_id: '2b7f2a5e-2a0b-4a0e-5b1a-3f1c',
  process_type: 'web',
  space_id: '0f9a4c4e-6d0c-4b52-8e3a-4f4dc6d0a1de',
  space_name: 'production',
}

/** The envelopes of the mix as a gateway spells them in Loggregator V2, with the tags of today's platforms; each second gauge is one of {@link FURTHER}. */
export function loadV2Mix(options: MixOptions = {}, spelling?: V2Spelling): Mix {
  const mix = loadMix(options)
  return { ...mix, envelope: (number) => Buffer.from(spellV2(v2Of(mix, number), spelling)) }
}

function v2Of(mix: Mix, number: number): ReturnType<typeof toV2> {
  const v2 = toV2(parseEnvelope(mix.envelope(number).toString()) as unknown as V1)
  const tags = Object.fromEntries(
    Object.entries({ ...APP_TAGS, instance_id: v2.instance_id, ...v2.tags }).sort(([a], [b]) => (a < b ? -1 : 1)),
  )
  const metrics = FURTHER[number % (2 * FURTHER.length)]
  return { ...v2, tags, ...(mix.kind(number) === 'instance' && metrics !== undefined && { gauge: { metrics } }) }
}
