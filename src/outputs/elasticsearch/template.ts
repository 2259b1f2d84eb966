import { crc32 } from 'node:zlib'
import { USAGE_METRICS } from '../../cloud-foundry/app-event.ts'
import { patternsOf } from './index-name.ts'

/** As the index template is called: workers that write to other indices of the same cluster have one of their own. */
export function templateName(index: string, isDataStream: boolean): string {
  const digits = crc32(`${index} ${isDataStream}`).toString(16).padStart(8, '0')
  return `cf-metrics-refinery-${digits}`
}

const keyword = { type: 'keyword', ignore_above: 8191 }
const long = { type: 'long' }
const double = { type: 'double' }
const bytes = { properties: { bytes: long } }
const quota = { properties: { bytes: long, quota: bytes } }
const traffic = { properties: { bytes: long, errors: long, dropped: long } }
const furtherUsage = Object.fromEntries(USAGE_METRICS.map((name) => [name, double]))
const named = { properties: { id: keyword, name: keyword } }

/**
 * The fields of documents (ENDS.md, section 2). Times keep their nanoseconds; numbers that are 64 bits stay exact; what nobody has thought of
 * becomes a keyword, if it is text.
 */
const MAPPINGS = {
  dynamic_templates: [{ texts: { match_mapping_type: 'string', mapping: keyword } }],
  properties: {
    '@timestamp': { type: 'date_nanos' },
    message: { type: 'text' },
    event: {
      properties: { id: keyword, kind: keyword, dataset: keyword, action: keyword, duration: long, truncated: { type: 'boolean' } },
    },
    log: { properties: { iostream: keyword, logger: keyword } },
    cloudfoundry: {
      properties: {
        app: { properties: { id: keyword, name: keyword, instance: { properties: { id: keyword } } } },
        space: named,
        org: named,
        peer_type: keyword,
        container: { properties: { cpu: { properties: { pct: double } }, memory: quota, disk: quota, ...furtherUsage } },
      },
    },
    http: {
      properties: {
        request: { properties: { method: keyword, id: keyword } },
        response: { properties: { status_code: long, body: bytes } },
      },
    },
    container: {
      properties: {
        id: keyword,
        name: keyword,
        image: { properties: { name: keyword, tag: keyword } },
        network: { properties: { ingress: traffic, egress: traffic } },
        disk: { properties: { read: bytes, write: bytes } },
        pids: long,
      },
    },
    host: { properties: { name: keyword } },
    process: { properties: { exit_code: long } },
    docker: { properties: { signal: long, oom: { type: 'boolean' } } },
    url: { properties: { original: keyword } },
    user_agent: { properties: { original: keyword } },
    source: { properties: { address: keyword } },
  },
}

/** The index template that CFMR_ELASTICSEARCH_TEMPLATE=install puts in place, as a body of `PUT /_index_template/…`. */
export function indexTemplate(index: string, isDataStream: boolean): object {
  return {
    index_patterns: patternsOf(index),
    priority: 200,
    ...(isDataStream && { data_stream: {} }),
    template: { mappings: MAPPINGS },
    _meta: { description: `Documents of cf-metrics-refinery with CFMR_ELASTICSEARCH_INDEX=${index}` },
  }
}
