import type { HttpAnswer } from '../../lib/http-server.ts'
import { KINDS, PLACEHOLDER } from '../name-template.ts'
import type { Cluster } from './cluster.ts'
import { bestFor, templatesOf } from './listed-templates.ts'
import { indexTemplate, templateName } from './template.ts'
import type { ElasticsearchSettings } from './variables.ts'

type TemplateSettings = Pick<ElasticsearchSettings, 'index' | 'isDataStream' | 'template'>

/**
 * Puts the index template in place, or looks whether one fits, as the settings ask for. Resolves to what is missing, in words;
 * undefined where nothing is. Rejects where there is no answer.
 */
export async function ensureTemplate(cluster: Cluster, settings: TemplateSettings, signal: AbortSignal): Promise<string | undefined> {
  if (settings.template === 'none') return undefined
  if (settings.template === 'check') return missingTemplate(cluster, settings, signal)
  const { index, isDataStream } = settings
  const name = templateName(index, isDataStream)
  const answer = await cluster.askJson('PUT', `/_index_template/${name}`, signal, indexTemplate(index, isDataStream))
  if (answer.status === 200) return undefined
  return `the index template ${name} could not be put in place: ${shortly(answer)}. Give the account that right, or delete the template that the answer names if nobody needs it, or put one in place by hand and set CFMR_ELASTICSEARCH_TEMPLATE=check`
}

/**
 * Looks which template an index of each kind would be made of, whether that makes data streams as the settings say (a template without
 * would have a plain index made of the first document), and whether it has a type for the time.
 */
export async function missingTemplate(
  cluster: Cluster,
  { index, isDataStream }: TemplateSettings,
  signal: AbortSignal,
): Promise<string | undefined> {
  const hint = 'Put one in place, or set CFMR_ELASTICSEARCH_TEMPLATE=install'
  const list = await cluster.askJson('GET', '/_index_template', signal)
  const templates = templatesOf(list)
  if (templates === undefined) return `the index templates cannot be listed: ${shortly(list)}`
  for (const kind of KINDS) {
    const name = exampleOf(index, kind)
    const best = bestFor(templates, name)
    if (best === undefined) return `no index template fits ${name}. ${hint}`
    if (best.isDataStream !== isDataStream) {
      const makes = best.isDataStream ? 'a data stream' : 'a plain index'
      return `the index template ${best.name} makes ${makes} of ${name}, and CFMR_ELASTICSEARCH_DATASTREAM is ${isDataStream}. Correct one of them`
    }
    if (isDataStream) continue
    const answer = await cluster.askJson('POST', `/_index_template/_simulate_index/${encodeURIComponent(name)}`, signal)
    if (answer.status !== 200) return `what the index template ${best.name} makes of ${name} cannot be asked for: ${shortly(answer)}`
    if (!typesTime(answer.text)) return `the index template ${best.name}, which fits ${name}, has no type for @timestamp. ${hint}`
  }
  return undefined
}

function exampleOf(index: string, kind: string): string {
  return index.replace(PLACEHOLDER, (_, placeholder: string) => {
    if (placeholder === 'kind') return kind
    return placeholder === 'yyyy.MM.dd' ? '2026.01.01' : 'x'
  })
}

function typesTime(text: string): boolean {
  try {
    const { template } = JSON.parse(text) as { template?: { mappings?: { properties?: Record<string, unknown> } } }
    return template?.mappings?.properties?.['@timestamp'] !== undefined
  } catch {
    return false
  }
}

/** What a server answered, in a line. */
export function shortly({ status, text }: HttpAnswer): string {
  return `HTTP ${status}: ${text.replace(/\s+/g, ' ').trim().slice(0, 300)}`
}
