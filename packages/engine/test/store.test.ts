import { describe, it } from 'vitest'
import { memoryHost } from '@tsink/host/memory'
import { Engine } from '@tsink/engine'
import { storeSuite } from '@tsink/testing'

storeSuite('the engine', () => Engine.open(memoryHost(), { background: false }), { describe, it })
storeSuite('the engine without a log', () => Engine.open(memoryHost(), { background: false, sync: 'none' }), { describe, it })
