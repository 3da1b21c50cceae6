import Fleet

// The room and its main type share a name, so that its other types cannot be told apart by it where two rooms have one of a name.
typealias FleetReading = NodeReading
typealias FleetPostDeploy = PostDeploy
typealias FleetInventory = Inventory
