"""What jobs leave in folders: results, reviews, comparisons and evaluations, and the movie that they belong to."""
