"""Movies for scoring networks, made by a vertex model. Never train a network on them.

They share no code with :mod:`epifiji.engine.simulation`, on whose movies EpiNet is trained: cells are polygons with area and
perimeter energies instead of a power diagram, membranes are drawn as tubes with puncta instead of distances to edges, the
blur is an Airy disc with a halo, and events take other courses. A network that finds their events has not learnt how one
simulator draws them.
"""
