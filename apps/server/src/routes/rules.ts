/**
 * What the rules engine will answer. It does not exist yet, so every list is empty, which is true; parameters are checked all the same, because
 * tools probe with them.
 */
import type { FastifyInstance } from 'fastify'
import { parseSelector } from '@tsink/promql'
import { invalid, parametersOf, type Parameters } from '../parameters.ts'
import { sendData } from '../respond.ts'
import { route } from '../route.ts'

export function registerRules(app: FastifyInstance): void {
  const answer = (url: string, data: (parameters: Parameters) => unknown): void => {
    route(app, ['GET'], url, (request, reply) => sendData(request, reply, data(parametersOf(request))))
  }
  answer('/api/v1/alertmanagers', () => ({ activeAlertmanagers: [], droppedAlertmanagers: [] }))
  answer('/api/v1/alerts', () => ({ alerts: [] }))
  answer('/api/v1/rules', (parameters) => {
    checkRuleParameters(parameters)
    return { groups: [] }
  })
}

function checkRuleParameters(parameters: Parameters): void {
  const type = parameters.get('type')
  if (!['', 'alert', 'record'].includes(type.toLowerCase())) throw invalid('type', `not supported value ${JSON.stringify(type)}`)
  for (const selector of parameters.all('match[]')) parseSelector(selector)
  const exclude = parameters.get('exclude_alerts')
  if (exclude !== '' && !/^(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(exclude)) {
    throw invalid(
      'exclude_alerts',
      `error converting exclude_alerts: strconv.ParseBool: parsing ${JSON.stringify(exclude)}: invalid syntax`,
    )
  }
  const limit = parameters.get('group_limit')
  if (limit === '') {
    if (parameters.get('group_next_token') !== '') {
      throw invalid('group_next_token', 'group_limit needs to be present in order to paginate over the groups')
    }
    return
  }
  if (!/^[+-]?\d+$/.test(limit)) {
    throw invalid(
      'group_limit',
      `group_limit needs to be a valid number: strconv.ParseInt: parsing ${JSON.stringify(limit)}: invalid syntax`,
    )
  }
  if (Number(limit) <= 0) throw invalid('group_limit', 'group_limit needs to be greater than 0')
}
