// @datx/jsonapi: a store of models.
import { createRequire } from 'node:module'
import { API, KEY, assert, laptop, run, stock } from './steps.mjs'

const require = createRequire(import.meta.url)
const { Attribute, Collection, Model } = require('@datx/core')
const { config, jsonapiCollection, jsonapiModel } = require('@datx/jsonapi')

config.baseUrl = `${API}/`
config.defaultFetchOptions = {
  headers: { 'Content-Type': 'application/vnd.api+json', 'X-API-Key': KEY }
}

class Inventory extends jsonapiModel(Model) {
  static type = 'inventory'
}
class Product extends jsonapiModel(Model) {
  static type = 'products'
}
for (const name of ['name', 'description', 'price', 'sku']) Attribute()(Product, name)
for (const name of ['quantity', 'available']) Attribute()(Inventory, name)
Attribute({ toOne: Inventory })(Product, 'inventory')
class Store extends jsonapiCollection(Collection) {
  static types = [Inventory, Product]
}
const store = new Store()
let product

await run({
  async create() {
    product = store.add(laptop, Product)
    await product.save()
    assert.match(String(product.meta.id), /^[0-9a-f-]{36}$/)
  },
  async get() {
    const { data } = await new Store().getOne(Product, String(product.meta.id))
    assert.equal(data.price, '1299.99')
  },
  async list() {
    const answer = await new Store().getMany(Product, {
      queryParams: { sort: '-created_at', custom: ['page[size]=1'] }
    })
    assert.equal(answer.data.length, 1)
    assert.ok(answer.meta.page.total >= 1)
  },
  async 'walk pages'() {
    const other = new Store()
    await other.add(laptop, Product).save()
    const first = await new Store().getMany(Product, {
      queryParams: { sort: '-created_at', custom: ['page[size]=1'] }
    })
    const second = await first.next()
    assert.notEqual(first.data[0].meta.id, second.data[0].meta.id)
  },
  async update() {
    product.name = 'Notebook'
    await product.save()
    const { data } = await new Store().getOne(Product, String(product.meta.id))
    assert.equal(data.name, 'Notebook')
  },
  async include() {
    await stock(product.meta.id, 7)
    const { data } = await new Store().getOne(Product, String(product.meta.id), {
      queryParams: { include: 'inventory' }
    })
    assert.equal(data.inventory.quantity, 7)
  },
  async delete() {
    const id = String(product.meta.id)
    await product.destroy()
    await assert.rejects(new Store().getOne(Product, id))
  }
})
