import type { HttpAnswer } from '../../lib/http-server.ts'
import { KINDS } from '../name-template.ts'
import type { Cluster } from './cluster.ts'
import { indexTemplate, TEMPLATE_NAME } from './template.ts'
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
  const answer = await cluster.askJson('PUT', `/_index_template/${TEMPLATE_NAME}`, signal, indexTemplate(index, isDataStream))
  if (answer.status === 200) return undefined
  return `the index template ${TEMPLATE_NAME} could not be put in place: ${shortly(answer)}. Put one in place by hand and set CFMR_ELASTICSEARCH_TEMPLATE=check, or give the account that right`
}

/** Asks what an index of each kind would be made of: without a type for the time no template has spoken for it. */
export async function missingTemplate(
  cluster: Cluster,
  { index, isDataStream }: TemplateSettings,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const kind of KINDS) {
    const name = index
      .replace('{kind}', kind)
      .replace('{yyyy.MM.dd}', '2026.01.01')
      .replace(/\{\w+\}/g, 'x')
    const answer = await cluster.askJson('POST', `/_index_template/_simulate_index/${encodeURIComponent(name)}`, signal)
    if (answer.status === 200 && typesTime(answer.text, isDataStream)) continue
    const why = answer.status === 200 ? '' : `: ${shortly(answer)}`
    return `no index template fits ${name}${why}. Put one in place, or set CFMR_ELASTICSEARCH_TEMPLATE=install`
  }
  return undefined
}

function typesTime(text: string, isDataStream: boolean): boolean {
  try {
    const { template } = JSON.parse(text) as { template?: { mappings?: { properties?: Record<string, unknown> } } }
    return isDataStream ? template !== undefined : template?.mappings?.properties?.['@timestamp'] !== undefined
  } catch {
    return false
  }
}

/** What a server answered, in a line. */
export function shortly({ status, text }: HttpAnswer): string {
  return `HTTP ${status}: ${text.replace(/\s+/g, ' ').trim().slice(0, 300)}`
}
